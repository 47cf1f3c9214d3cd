"""Pushing a built dataset to the Hugging Face Hub: few commits, resumable, the manifest only when all has arrived.

    shards ──► uploaded, a few at a time ──► committed, 256 at a time … ──► last commit: the rest, the card, the recipe,
                                                                            the tokenizer and the manifest

push.py      push: all steps in order, and what is refused before anything is sent
branch.py    a branch of a repository: its files, uploads to it, commits on top of the commit that was read
commits.py   which files are uploaded together, and which are committed together
card.py      the card that is sent; edits of it on the Hub are never lost
client.py    the Hub's client: the user's token, timeouts, no secrets shown
refusals.py  errors of the client as refusals

Files that the branch already has (by SHA-256, or git's hash for small files) are skipped, and the server itself knows
which uploaded files are not committed yet. So the same command, run again, continues where the last one stopped, and
makes no commit where nothing is new.

Retries, LFS, Xet and the form of commits are the client's (`huggingface_hub`). Its `upload_folder` is not used: it
commits as it goes, in any order, on top of whatever the branch has become, so we could control neither the number of
commits nor when the manifest is committed.
"""

from pipeline.publish.hub.push import Pushed, check, check_shards, push

__all__ = ["Pushed", "check", "check_shards", "push"]
