"""The demonstration uses the sites that a stage declares."""

import pytest

from local.demo.demo import DemoError, choose_site


@pytest.mark.parametrize(
    ("declared", "chosen"), [(("docs", "next-site"), "next-site"), (("shop", "docs"), "shop")]
)
def test_the_project_uses_the_example_site_or_the_first_site(declared: tuple[str, ...], chosen: str) -> None:
    """Requirement L4."""
    assert choose_site({name: f"https://{name}.example.com" for name in declared}) == chosen


def test_a_stage_without_a_site_is_refused() -> None:
    """Requirement Q1."""
    with pytest.raises(DemoError, match="declares no site: add one to `sites`"):
        choose_site({})
