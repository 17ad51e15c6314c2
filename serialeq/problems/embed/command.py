"""What the command line reads and tells of word vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from serialeq.errors import DataError
from serialeq.problems import command
from serialeq.problems.command import Answer, Data, File, Report, Request
from serialeq.reading.texts import read_texts
from serialeq.training.parameters import Parameter

from .cooccurrence import count_pairs


class Command(command.Command):
    """Texts, of which pairs of words are counted."""

    data: Annotated[Path, File("A text, or label TAB text, per line; UTF-8.")]
    near: Annotated[
        list[str] | None,
        Parameter("Show the words nearest to this one; may repeat.", makes_model=False),
    ] = None

    def read(self, estimator: Any) -> Data:
        """Read texts and count pairs."""
        texts = read_texts(str(self.data))
        vocabulary, counts = count_pairs(texts, estimator.window, estimator.min_count)
        words = vocabulary.tolist()
        if unknown := [word for word in self.near or [] if word not in set(words)]:
            raise DataError(f"near: expected words of the vocabulary, got {unknown[0]!r}")
        summary = f"{counts.nnz:,} pairs of {len(words):,} words"
        return Data((counts,), summary, options={"vocabulary": words})

    def report(self, estimator: Any, data: Data) -> Report:
        """Tell how many words there are, and the neighbours of those asked for."""
        n_words = len(estimator.vocabulary_)
        near = {word: estimator.most_similar(word) for word in self.near or []}
        lines = [("words", f"{n_words:,}, {estimator.n_pairs_:,} pairs")]
        lines += [
            (f"{word}:", ", ".join(f"{other} {cosine:.2f}" for other, cosine in found))
            for word, found in near.items()
        ]
        return Report(
            {"words": n_words, "rmse": estimator.final_losses()[0]}, lines, {"near": near}
        )

    @classmethod
    def predict(cls, estimator: Any, arrays: Any, about: Any, request: Request) -> Answer:
        """Tell the nearest words of each word of a file."""
        asked = [line.strip() for line in read_texts(request.file) if line.strip()]
        found = [(word, estimator.most_similar(word, request.top)) for word in asked]
        rows = [[word, other, f"{cosine:.6g}"] for word, near in found for other, cosine in near]
        return Answer(["word", "near", "cosine"], rows)
