"""What MkDocs calls while it makes the site (`hooks:` in mkdocs.yml)."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs import reference, repository
from docs.loads import foreign_loads


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of something else: README, changelog, reference, the files that pages link."""
    made = {name: file.read_text() for name, file in repository.PAGES.items()} | reference.pages()
    for name, text in made.items():
        files.append(File.generated(config, name, content=text))
    linked = {
        target
        for file in files.documentation_pages()
        for link in repository.links(file.content_string)
        if (target := repository.target_of(file.src_uri, link)) and target[1].exists()
    }
    for name, path in sorted(linked):
        if name.startswith(f"{repository.FOLDER}/"):
            files.append(File.generated(config, name, content=repository.page_of(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Have links into the repository lead to its pages."""
    return repository.with_links(markdown, lambda link: repository.of_site(page.file.src_uri, link))


def on_post_build(config: MkDocsConfig) -> None:
    """Refuse a site whose pages would load anything from elsewhere."""
    site = Path(config.site_dir)
    foreign = [f"{path.relative_to(site)}: {url}" for path in sorted(site.rglob("*")) for url in foreign_loads(path)]
    if foreign:
        raise PluginError("these would be loaded from elsewhere:\n" + "\n".join(foreign))
