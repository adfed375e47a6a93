"""The code of a site's function without a release: before the first one, and after a cleaning of the site."""

from typing import Final

PLACEHOLDER_CODE: Final = """\
export const handler = async () => {
  throw new Error("this function has no release yet");
};
"""
"""An ECMAScript module. Its file must have the name that the function's handler names."""
