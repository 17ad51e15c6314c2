"""The lecture's formulas as MathML, which browsers draw without script or font."""

from __future__ import annotations


def _i(name: str) -> str:
    return f"<mi>{name}</mi>"


def _o(sign: str) -> str:
    return f'<mo stretchy="false">{sign}</mo>'


def _row(*parts: str) -> str:
    """Join parts; numbers and single signs may be given as they are."""
    made = [part if part.startswith("<") else _word(part) for part in parts]
    return f"<mrow>{''.join(made)}</mrow>"


def _word(text: str) -> str:
    if text.isdigit():
        return f"<mn>{text}</mn>"
    return _i(text) if text[0].isalpha() else _o(text)


def _sub(base: str, index: str) -> str:
    return f"<msub>{_row(base)}{_row(index)}</msub>"


def _sup(base: str, power: str) -> str:
    return f"<msup>{_row(base)}{_row(power)}</msup>"


def _fraction(above: str, below: str) -> str:
    return f"<mfrac>{_row(above)}{_row(below)}</mfrac>"


def _formula(*parts: str) -> str:
    space = 'xmlns="http://www.w3.org/1998/Math/MathML"'
    return f'<math {space} display="block">{_row(*parts)}</math>'


def _squared(symbol: str) -> str:
    return _sup(symbol, "2")


_READ = "<mover><mi>x</mi><mo>^</mo></mover>"
_DEGREE = "<mover><mi>Δ</mi><mo>¯</mo></mover>"
_SPACE = '<mspace width="2em"/>'
_LESS, _AT_MOST, _AT_LEAST = _o("&lt;"), _o("≤"), _o("≥")

ORDER_STATISTIC = _formula(
    "E", _sub("X", _row("(", "i", ")")), "=", "1", "+", _fraction("1", "λ"),
    f"<munderover><mo>∑</mo>{_row('j', '=', 'n', '−', 'i', '+', '1')}{_i('n')}</munderover>",
    _fraction("1", "j"),
)  # fmt: skip
"""The i-th fastest of n."""

PERTURBED_ITERATE = _formula(
    _sub(_READ, "k"), "−", _sub("x", "k"), "=",
    f"<munder><mo>∑</mo>{_row('0', _LESS, '|', 'i', '−', 'k', '|', _AT_MOST, 'τ')}</munder>",
    "γ", f"<msubsup>{_i('S')}{_i('i')}{_i('k')}</msubsup>", "∇", _sub("f", _sub("s", "i")),
    "(", _sub(_READ, "i"), ")",
)  # fmt: skip

RECURSION = _formula(
    _sub("a", _row("k", "+", "1")), _AT_MOST, "(", "1", "−", "γ", "m", ")", _sub("a", "k"), "+",
    _squared("γ"), _squared("M"), "+", "2", "γ", "E", _o("⟨"), _sub(_READ, "k"), "−",
    _sub("x", "k"), ",", _sub("g", "k"), _o("⟩"), "+", "2", "γ", "m", "E", _squared(
        _row("|", _sub(_READ, "k"), "−", _sub("x", "k"), "|")
    ),
)  # fmt: skip
"""Of a_k = E|x_k − x*|²; the last two terms are the noise, R₂ and R₁."""

CONFLICT = _formula(
    "Pr", "(", "conflict", ")", "=", _fraction(_DEGREE, "n"), _SPACE, "τ", _AT_MOST,
    _fraction("n", _row("2", _DEGREE)),
)  # fmt: skip
"""The slide's probability of a conflict, and what it allows."""

_DIFFICULTY = _fraction(_row("2", _squared("M")), _row("ε", _squared("m")))

THEOREM = _formula(
    "γ", "=", _fraction(_row("ε", "m"), _row("2", _squared("M"))), _SPACE, "T", _AT_LEAST,
    _DIFFICULTY, "log", _fraction(_row("4", _sub("a", "0")), "ε"), _SPACE, "τ", _AT_MOST,
    "min", "{", _fraction("1", _row("16", "p")), ",",
    _fraction(_squared("M"), _row("9", "ε", _squared("m"))), "}",
)  # fmt: skip
"""Theorem 3.4 with the constants of `proofs/analysis.md` (3.5)."""

SPEEDUPS = _formula(
    "worst case", "=", "P", _fraction(_sub("T", "serial"), _sub("T", "parallel")), _SPACE,
    "true", "=", _fraction(_row("seconds to ε, serial"), _row("seconds to ε, parallel")),
)  # fmt: skip
"""The lecture's Open Problems II."""
