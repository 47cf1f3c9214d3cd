"""A built dataset on the Hugging Face Hub: few commits, resumable, and a manifest only where all of it has arrived.

    shards ──► a few at a time, uploaded ──► 256 of them, committed … ──► the last of them, with the card, the recipe,
                                                                          the tokenizer and the manifest

push.py      the whole of it, and what is refused before anything is sent
branch.py    a branch of a repository: what it holds, uploads to it, commits upon the one that was seen
commits.py   which files are uploaded together, and which committed
card.py      the card that is sent: an edit of it on the Hub is never lost
client.py    the Hub's client: the user's token, waits that end, no secrets shown
refusals.py  what stops it, in words

What the branch holds already (by SHA-256, or git's own hash for small files) is left out, and the server knows itself
which files it has although nobody committed them. So the same command, run again, goes on where the last one stopped,
and where nothing is new it makes no commit.

Retries, LFS, Xet and the form of commits are the client's (`huggingface_hub`). Its `upload_folder` is not used: it
commits as it goes, whichever files come first, upon whatever the branch has become, so that neither the number of
commits nor the place of the manifest would be ours.
"""

from pipeline.publish.hub.push import Pushed, check, check_shards, push

__all__ = ["Pushed", "check", "check_shards", "push"]
