"""The commands, one file each: its arguments, what it runs, and its COMMAND at the foot.

    command    Command, the declaration of one, and commands(), all of them
    common     shared by several: arguments, counts, progress bars
    executors  the executor that is asked for
    asking     the language model that is asked
    sweep      plan and build, where what they are given is a sweep
    parser     the argument parser
    progress   the progress of a long command, where there is no terminal

The other files are the commands, under their names. They print results that other folders compute.
"""
