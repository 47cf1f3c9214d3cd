"""Runs what the pages show, as a reader would: each page in one fresh folder, its blocks in order.

    pages        a page → its blocks: files, console sessions, Python
    session      what a page does, in the current process and folder; what its commands print
    server       a process that runs each page in a fork of itself, in a new folder
    unrun        what can be said of a block that is not run
    comparison   what a page shows, against what was printed
    __main__     python -m tests.console [--update] [page …]

What a page may write:

- a block with a title that is a file name, such as ```` ```yaml title="my/junk.yaml" ````, is that file. If the
  repository has a file of this name, the block must be part of it; a line `…` stands for lines that are left out.
- ```` ```console ````: lines `$ command`, a `\\` at the end goes on, and what each prints. stderr is shown with stdout.
- ```` ```python ```` is run; what it prints is not compared. ```` ```pycon ```` has `>>>` and results, which are.
- `…` alone on a line stands for any lines, or none; `…` or `[…]` inside a line for anything within it. A line may be
  broken at a blank where it would be longer than 80 characters. Durations, rates and the page's folder may vary.
- `<!-- not run: needs torch -->` before a block: it is not run. The tests list these, and read them.

The folder has links to the `recipes`, `templates`, `examples` and `Makefile` of the repository. Commands of the
pipeline, also those that make would run, run in the process of the page, and so do Python files; all else runs in a
shell.
"""
