"""What the command line reads and tells of topics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from serialeq.errors import DataError
from serialeq.problems import command
from serialeq.problems.command import Answer, Data, File, Report, Request
from serialeq.reading.features import TextFeatures, describe_features, restore_features
from serialeq.reading.texts import read_texts
from serialeq.training.parameters import OneOf, Parameter, Whole


class Command(command.Command):
    """Texts, of which tf-idf is factorised."""

    data: Annotated[Path, File("A text, or label TAB text, per line; UTF-8.")]
    min_documents: Annotated[int, Parameter("Leave words of fewer texts out.", Whole(1))] = 5
    stop_words: Annotated[
        str, Parameter("english: leave common words out; none.", OneOf("english", "none"))
    ] = "english"

    def read(self, estimator: Any) -> Data:
        """Read texts and find their words."""
        texts = read_texts(str(self.data))
        features = TextFeatures.of_words(self.stop_words == "english", self.min_documents)
        matrix = features.fit_transform(texts)
        return Data(
            (matrix,),
            f"{len(texts):,} texts, {matrix.shape[1]:,} words",
            inputs=features.arrays(),
            about={"features": describe_features(features, False)},
            rest=features.words(),
        )

    def report(self, estimator: Any, data: Data) -> Report:
        """Tell the words of each topic."""
        topics = estimator.top_words(data.rest)
        lines = [(f"topic {k}:", " ".join(words)) for k, words in enumerate(topics)]
        return Report({"rmse": estimator.final_losses()[0]}, lines, {"topics": topics})

    @classmethod
    def predict(cls, estimator: Any, arrays: Any, about: Any, request: Request) -> Answer:
        """Tell the weights of the topics in each text of a file."""
        features = restore_features(arrays, about)
        if features is None:
            raise DataError("model: expected one of texts, got one of a matrix; use it from Python")
        weights = estimator.transform(features.transform(read_texts(request.file)))
        columns = [f"topic {k}" for k in range(weights.shape[1])]
        return Answer(columns, ([f"{weight:.6g}" for weight in row] for row in weights))
