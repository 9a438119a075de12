"""Templates in the reader's language, for pages and for reports."""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.locale import Language, texts


def environment(package: str, language: Language) -> Environment:
    """The templates of that package's folder ``templates``; a name that is not given is an error."""
    made = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_translations(texts(language))  # type: ignore[attr-defined]  # the extension adds it
    return made
