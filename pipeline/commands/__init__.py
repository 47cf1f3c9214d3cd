"""The commands: one file each, with HELP, arguments(parser) and run(options), which returns the exit code."""

from pipeline.commands import (
    build,
    capacity,
    check,
    export,
    list,
    plan,
    preview,
    push,
    report,
    schema,
    score,
    verify,
    warm,
    where,
)

COMMANDS = (plan, preview, build, verify, report, export, push, where, score, check, capacity, list, schema, warm)
