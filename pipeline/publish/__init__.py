"""Publishing a built dataset.

export/  into other trainers' formats
hub/     to the Hugging Face Hub
"""
