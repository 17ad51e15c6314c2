"""Type checkers see the constructors that declarations make."""

from __future__ import annotations

from pathlib import Path

from mypy import api

ROOT = Path(__file__).parents[2]
SNIPPET = """\
from serialeq import DropoutMLPClassifier, LinearClassifier, MatrixFactorization
MatrixFactorization(8, learning_rate=0.1)
MatrixFactorization(nope=1)
DropoutMLPClassifier(32, n_epochs=3)
LinearClassifier(loss=3)
MatrixFactorization(8).fit(None).predict([0], [0])
"""


def test_wrong_keywords_and_types_are_seen(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SNIPPET)
    config = str(ROOT / "pyproject.toml")
    told, _, status = api.run(["--config-file", config, "--no-incremental", str(script)])
    lines = [line for line in told.splitlines() if "script.py" in line]
    assert status == 1
    assert [int(line.split(":")[1]) for line in lines] == [3, 4, 5]
