"""A built dataset goes out.

export/  into other trainers' formats
hub/     to the Hugging Face Hub
"""
