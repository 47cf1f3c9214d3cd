"""Requests to servers of language models.

endpoint.py  one server: one request, one reply, nothing trusted
request.py   what is asked, and the digest under which its answer is kept
patience.py  how long to wait after a failure; the clock, which tests replace
asking.py    many requests at once, to many servers
"""
