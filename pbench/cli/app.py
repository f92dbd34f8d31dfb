"""The root command, and what every command has in common: errors, exit codes, signals."""

from __future__ import annotations

import signal
import sys
import traceback
from types import FrameType
from typing import Any, NoReturn

import typer

from pbench.cli import collector, console
from pbench.errors import PbenchError

app = typer.Typer(
    name="pbench",
    help="Measure what parallel decoding costs a diffusion language model.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

# typer carries click inside itself since 0.26 and stood on the package before; this is the base of both.
_ClickError: type[Exception] = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
_ANYWHERE = ("--debug", "--quiet")


class TerminatedError(BaseException):
    """SIGTERM, raised where the program stands so that its files are closed in order."""


def _version(asked: bool) -> None:
    if asked:
        from pbench import __version__

        console.result(f"pbench {__version__}")
        raise typer.Exit


@app.callback()
def root(
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks (anywhere on the line)."),
    quiet: bool = typer.Option(False, "--quiet", help="No progress, no notes (anywhere on the line)."),
    version: bool = typer.Option(  # noqa: ARG001 - handled by its callback
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """Four stages pass files on: tasks build -> decode -> score -> report."""
    console.configure(debug=debug, quiet=quiet)


def main() -> NoReturn:
    """Entry point: run the command line and leave with the exit code of docs/cli.md."""
    console.any_terminal()
    _register()
    signal.signal(signal.SIGTERM, _on_term)
    arguments = sys.argv[1:]
    first = [word for word in arguments if word in _ANYWHERE]
    arguments = first + [word for word in arguments if word not in _ANYWHERE]
    console.configure(debug="--debug" in first, quiet="--quiet" in first)
    code = _run(arguments)
    try:
        console.flush()
    except (OSError, console.ReaderGoneError):
        console.mute(sys.stdout)
    collector.leave_alone()
    sys.exit(code)


def _register() -> None:
    from pbench.cli import commands

    commands.register(app)


def _on_term(_signal: int, _frame: FrameType | None) -> None:
    raise TerminatedError


def _run(arguments: list[str]) -> int:
    try:
        code = _called(arguments)
        console.flush()
    except console.ReaderGoneError:
        return 0
    except _ClickError as error:
        return _usage(error)
    except (KeyboardInterrupt, typer.Abort):
        console.error("interrupted; what was finished is saved")
        return 130
    except TerminatedError:
        console.error("terminated; what was finished is saved")
        return 143
    except PbenchError as error:
        return _explain(error, error.exit_code, str(error))
    except OSError as error:
        name = "" if error.filename is None else f"{error.filename}: "
        return _explain(error, 2, f"{name}{error.strerror or error}")
    except ModuleNotFoundError as error:
        return _explain(error, 2, f"{error}; it is needed here: `pbench doctor` says what is missing")
    except Exception as error:
        return _explain(error, 1, f"a bug in pbench: {type(error).__name__}: {error}; --debug shows where")
    return code


def _called(arguments: list[str]) -> int:
    """The exit code of a command that came to its end."""
    try:
        code = app(args=arguments, prog_name="pbench", standalone_mode=False)
    except typer.Exit as error:
        return error.exit_code
    return code if isinstance(code, int) else 0


def _explain(error: BaseException, code: int, message: str) -> int:
    if console.state.debug:
        traceback.print_exception(error)
    console.error(message)
    return code


def _usage(error: Any) -> int:
    """A command line that cannot be parsed; a group without a command shows its help."""
    if type(error).__name__ == "NoArgsIsHelpError":
        console.result(error.format_message())
        return 2
    context = getattr(error, "ctx", None)
    hint = f" (see '{context.command_path} --help')" if context is not None else ""
    message = error.format_message().replace("Value error, ", "")  # pydantic's, behind typer
    return _explain(error, 2, message + hint)
