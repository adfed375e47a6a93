"""S3 hook for the emulator: ignore all fields of an upload form after its file.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html: "The file or content must be the last
field in the form. Any fields below it are ignored." The emulator (ministack 1.5.33) reads all fields, so it
would accept a form that S3 refuses. The emulator follows S3's other rules of upload forms
(`tests/local/emulator/test_upload_forms.py`).
"""

# ruff: noqa: SLF001 - the emulator has no interface for a host process: its modules are the interface
# pyright: reportPrivateUsage=false

from ministack.services import s3

Part = tuple[str, str | None, dict[str, str], bytes]


def install_form_hooks() -> None:
    """Install the hook."""

    def parse_parts_until_file(content_type: str, body: bytes) -> list[Part]:
        parts: list[Part] = _ORIGINAL_PARSE(content_type, body)
        names = [name for name, *_ in parts]
        return parts[: names.index("file") + 1] if "file" in names else parts

    s3._parse_multipart_form = parse_parts_until_file


_ORIGINAL_PARSE = s3._parse_multipart_form
