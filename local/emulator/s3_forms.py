"""The emulator's S3, completed: of an upload form, nothing counts that comes after its file.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html: "The file or content must be the last
field in the form. Any fields below it are ignored." The emulator (ministack 1.5.33) reads them all, so that a
form would work here which S3 refuses. All else it does as S3 does: see
`tests/local/emulator/test_upload_forms.py`.
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

from ministack.services import s3

Part = tuple[str, str | None, dict[str, str], bytes]


def install() -> None:
    """Put the hook in place."""

    def parts_until_file(content_type: str, body: bytes) -> list[Part]:
        parts: list[Part] = _ORIGINAL_PARSE(content_type, body)
        names = [name for name, *_ in parts]
        return parts[: names.index("file") + 1] if "file" in names else parts

    s3._parse_multipart_form = parts_until_file


_ORIGINAL_PARSE = s3._parse_multipart_form
