"""Floor 3: sources turn truth into documents. One kind is one file: its keys in a recipe, then its code.

A new kind is a class with a Spec, added to SOURCES and to SourceSpec below.
"""

from typing import Annotated

from pydantic import Field

from pipeline.sources.corpus import Corpus, CorpusSpec
from pipeline.sources.knowledge.biographies import Biographies, BiographiesSpec
from pipeline.sources.knowledge.names import Names, NamesSpec
from pipeline.sources.knowledge.questions import Questions, QuestionsSpec
from pipeline.sources.reasoning.hops import Hops, HopsSpec
from pipeline.sources.reasoning.igsm.source import Igsm
from pipeline.sources.reasoning.igsm.spec import IgsmSpec
from pipeline.sources.source import Source
from pipeline.sources.structure.brevo import Brevo, BrevoSpec
from pipeline.sources.structure.copying import Copying, CopySpec
from pipeline.sources.structure.depo import Depo, DepoSpec
from pipeline.sources.structure.mano import Mano, ManoSpec
from pipeline.sources.structure.sentences import GrammarSpec, Sentences

SOURCES: dict[str, type[Source]] = {
    "biographies": Biographies,
    "questions": Questions,
    "statements": Questions,
    "names": Names,
    "corpus": Corpus,
    "igsm": Igsm,
    "hops": Hops,
    "depo": Depo,
    "brevo": Brevo,
    "mano": Mano,
    "copy": Copying,
    "grammar": Sentences,
}
SourceSpec = Annotated[
    BiographiesSpec
    | QuestionsSpec
    | NamesSpec
    | CorpusSpec
    | IgsmSpec
    | HopsSpec
    | DepoSpec
    | BrevoSpec
    | ManoSpec
    | CopySpec
    | GrammarSpec,
    Field(discriminator="kind"),
]

__all__ = ["SOURCES", "Source", "SourceSpec"]
