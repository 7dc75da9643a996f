"""The site: these pages and the API reference. ``make site`` builds it into ``build/site``, without a network."""

from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

project = "ganzoo"
release = version_of("ganzoo-kit")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["examples/**/node_modules"]
highlight_language = "none"  # a block without a language is a command and its output

nb_execution_mode = "off"  # outputs are stored, by docs/run_notebooks.py
nb_merge_streams = True
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 4

autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
autodoc_type_aliases = {name: name for name in ("Draw", "Labels", "Overrides", "Part", "Parts", "Seeds", "Updates")}
python_maximum_signature_line_length = 90
add_module_names = False

html_theme = "furo"
html_title = "ganzoo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False

ROOT = Path(__file__).parents[1]
FROM_ROOT = {
    "index": "README.md",
    "contributing": "CONTRIBUTING.md",
    "security": "SECURITY.md",
    "changelog": "CHANGELOG.md",
}


def show_root_file(app: Any, page: str, source: list[str]) -> None:
    """Put a file of the repository's root into its page, with links that start from here."""
    if page in FROM_ROOT:
        text = (ROOT / FROM_ROOT[page]).read_text().replace("](docs/", "](").replace('"docs/', '"')
        for target, file in FROM_ROOT.items():
            text = text.replace(f"]({file}", f"]({target}.md")
        source[0] = f"{text}\n{source[0]}"
        app.env.note_dependency(str(ROOT / FROM_ROOT[page]))


def setup(app: Any) -> None:
    app.connect("source-read", show_root_file)
