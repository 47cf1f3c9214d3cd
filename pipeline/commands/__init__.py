"""The commands: one file each, with HELP, arguments(parser) and run(options), which returns the exit code."""
