"""The program: `weightlift` on the command line and `python -m weightlift`."""

import os
import sys


def main() -> None:
    """Replace this process by the program in the package, with the same arguments."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "weightlift")
    try:
        # Python ignores SIGPIPE and SIGXFSZ, and the program inherits that: it ignores them itself.
        os.execv(program, ["weightlift", *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"weightlift: error: {program}: {str(error.strerror).lower()}")


if __name__ == "__main__":
    main()
