"""A built dataset goes out: into other trainers' formats, to the Hugging Face Hub."""
