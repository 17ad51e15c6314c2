"""Run every checker that is installed: ``python -m proofs``."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from proofs import coq, instructions, planner, readme, spin


def main() -> int:
    """Print a table of all checks; return 1 if one of them fails."""
    parser = argparse.ArgumentParser(prog="python -m proofs", description=__doc__)
    parser.add_argument(
        "--require", action="store_true", help="what is not installed counts as a failure"
    )
    parser.add_argument("--only", default="", help="coq, spin, llvm or readme")
    arguments = parser.parse_args()
    failed = absent = n = 0
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["SERIALEQ_CACHE_DIR"] = scratch  # nothing compiled earlier is looked at
        for module in (coq, planner, spin, instructions, readme):
            for check in module.checks():
                if arguments.only not in ("", check.tool):
                    continue
                n += 1
                begin = time.perf_counter()
                try:
                    problem = "" if check.missing else check.run(Path(scratch))
                except Exception as error:  # a checker that breaks proves nothing
                    problem = f"{type(error).__name__}: {error}"
                failed += bool(problem)
                absent += bool(check.missing)
                verdict = "absent" if check.missing else "FAILED" if problem else "ok"
                seconds = time.perf_counter() - begin
                print(f"{check.tool:7}{check.name:62}{verdict:7}{seconds:6.1f} s", flush=True)
                if check.missing or problem:
                    reason = f"not installed: {check.missing}" if check.missing else problem
                    print("  " + reason.replace("\n", "\n  "))
    print(f"{n} checks: {n - failed - absent} as expected, {failed} failed, {absent} not installed")
    return int(failed > 0 or n == 0 or (arguments.require and absent > 0))


if __name__ == "__main__":
    sys.exit(main())
