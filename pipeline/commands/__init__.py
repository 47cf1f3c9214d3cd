"""The commands, a file each: its arguments, what it does, and its declaration at the foot.

    command    what a command is, and all of them: read from their files
    common     what several of them share: arguments, counts, bars
    parser     what the command line is parsed with
    progress   how far a long command is, where there is no terminal

and beside these the commands themselves, under their names. They print; what they print is worked out elsewhere.
"""
