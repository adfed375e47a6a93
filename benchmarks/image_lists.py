"""The lists of a user with very many images, from the first page to the last (issue 6, line 5)."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

import boto3
from attrs import define, frozen

from benchmarks.emulator import emulator
from benchmarks.model import Goal, Measurement, Report, Say
from benchmarks.plot import Line, Plot
from components.images.tables import IMAGES
from reference.markdown import table
from runtime.images.model import Album, Image, Status
from runtime.images.repositories.albums import AlbumRepository
from runtime.images.repositories.distribution import CloudFrontClient, ImageDistribution
from runtime.images.repositories.images import ImageRepository
from runtime.images.repositories.objects import ImageStore
from runtime.images.repositories.rows import album_index_keys, album_row, image_row
from runtime.images.service.managing import ImageService
from runtime.shared.api.requests import MAX_PAGE_SIZE
from runtime.shared.aws import default_config
from runtime.shared.cursors import Cursors
from runtime.shared.ids import make_ulid_generator

NAME: Final = "benchmark-images"
USER: Final = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
GROWTH_GOAL: Final = Goal(bound=1.2)
CALLS_GOAL: Final = Goal(bound=1)
FIRST_PAGE_GOAL: Final = Goal(bound=2)
_FIFTHS: Final = 5
_WALKS: Final = 3  # what disturbs a walk for some pages does not disturb these in each
_BATCH: Final = 25  # rows of one `BatchWriteItem`
_METHOD: Final = """\
{images:,} images of one user, {in_album:,} of them in one album, in the table as the program declares it, on an
emulator that is a process of its own. Both lists are walked through as the API does it, {page} images a page, with the
signed cursor of each page for the next one: {walks} times, of which each page's fastest counts. Calls are counted where
botocore sends them, so that a repeated one would count, too. The order of all images is checked. The last fifth of the
pages is compared with the first, by medians: CPU is this process's own, wall contains the emulator."""  # noqa: E501 - Markdown, wrapped at 120
_EMULATOR: Final = """\
CPU is what a page costs the function: to sign and check the cursor, to ask, and to read {page} rows. The rest of the
wall time is the emulator's, {share:.0f} % of a page of all images: it goes through all rows of the user for each page,
where DynamoDB begins to read at the cursor's key."""  # noqa: E501 - the same
_TWO_CALLS: Final = """\
An album's first page takes a second call, because an empty album differs from one that is not the user's; a cursor
proves by its signature that this was looked at."""  # noqa: E501 - the same


@frozen(kw_only=True)
class Cost:
    """What one page took.

    Attributes:
        calls: Of DynamoDB.
        cpu: Milliseconds of this process.
        wall: Milliseconds.
    """

    calls: int
    cpu: float
    wall: float


@define
class Sent:
    """Counts the requests that clients send."""

    count: int = 0

    def note(self, **_: object) -> None:
        """Is botocore's handler of `before-send`; answering nothing lets the request go on."""
        self.count += 1


def measure(say: Say, *, images: int = 10_000, in_album: int = 4_000, page: int = MAX_PAGE_SIZE) -> Report:
    """Walk through the lists.

    Args:
        say: Shows what is being done.
        images: How many the user has.
        in_album: How many of them are in one album.
        page: Images on a page.

    Raises:
        ValueError: A list was not what it should be.
    """
    with emulator() as connection:
        # With the settings that functions have.
        client: Any = boto3.client("dynamodb", config=default_config("dynamodb"), **connection)
        client.create_table(**_table())
        say(f"image_lists: writing {images} images")
        album, made = _made(images, in_album)
        _write(client, album, made)
        sent = Sent()
        client.meta.events.register("before-send.dynamodb", sent.note)
        service = _gallery(client, connection)
        ids, ids_of_album = newest_first(made), newest_first(made[:in_album])
        every_walk: list[list[Cost]] = []
        album_walks: list[list[Cost]] = []
        for number in range(1, _WALKS + 1):
            say(f"image_lists: all images of a user, then an album, time {number} of {_WALKS}")
            every_walk.append(walk(service, None, ids, page=page, sent=sent))
            album_walks.append(walk(service, album.album_id, ids_of_album, page=page, sent=sent))
        everything, in_one_album = fastest(every_walk), fastest(album_walks)
    return _report(everything, in_one_album, images=images, in_album=in_album, page=page)


def walk(
    service: ImageService, album_id: str | None, expected: Sequence[str], *, page: int, sent: Sent
) -> list[Cost]:
    """Read a list to its end.

    Args:
        service: The image service.
        album_id: The album's list, or that of all images of the user.
        expected: The ids of all images of the list in its order.
        page: Images on a page.
        sent: Counts the client's requests.

    Raises:
        ValueError: Other images are listed, or in another order.
    """
    costs: list[Cost] = []
    found: list[str] = []
    cursor: str | None = None
    while True:
        calls, cpu, wall = sent.count, time.process_time(), time.perf_counter()
        answer = service.list_images(USER, album_id=album_id, limit=page, cursor=cursor)
        costs.append(
            Cost(
                calls=sent.count - calls,
                cpu=(time.process_time() - cpu) * 1e3,
                wall=(time.perf_counter() - wall) * 1e3,
            )
        )
        found += [image.image_id for image in answer.items]
        cursor = answer.cursor
        if cursor is None:
            break
    if found != list(expected):
        raise ValueError(f"{len(found)} images were listed, not the {len(expected)} newest first")
    return costs


def fastest(walks: Sequence[Sequence[Cost]]) -> list[Cost]:
    """Of each page the least time that it took in any walk, and the most calls."""
    return [
        Cost(
            calls=max(each.calls for each in page),
            cpu=min(each.cpu for each in page),
            wall=min(each.wall for each in page),
        )
        for page in zip(*walks, strict=True)
    ]


def newest_first(images: Sequence[Image]) -> list[str]:
    """The ids of images in the order in which they are to be listed."""
    return [image.image_id for image in sorted(images, key=lambda each: each.created_at, reverse=True)]


def growth(values: Sequence[float]) -> tuple[float, float]:
    """The medians of the first and of the last fifth."""
    fifth = max(1, len(values) // _FIFTHS)
    return median(values[:fifth]), median(values[-fifth:])


def _report(
    all_images: Sequence[Cost], album: Sequence[Cost], *, images: int, in_album: int, page: int
) -> Report:
    cpu, wall = (sum(getattr(each, what) for each in all_images) for what in ("cpu", "wall"))
    emulator_share = _EMULATOR.format(page=page, share=(1 - cpu / wall) * 100)
    return Report(
        title="Lists of images",
        method=_METHOD.format(images=images, in_album=in_album, page=page, walks=_WALKS),
        measurements=(
            Measurement(
                name="calls of DynamoDB for a page / pages",
                value=max(each.calls for each in all_images),
                goal=CALLS_GOAL,
                detail=f"{sum(each.calls for each in all_images)} calls for {len(all_images)} pages",
            ),
            _grown("CPU of a page: last fifth / first", [each.cpu for each in all_images], emulator_share),
            _grown("wall time of a page: last fifth / first", [each.wall for each in all_images]),
            Measurement(
                name="an album: calls for its first page / pages",
                value=album[0].calls,
                goal=FIRST_PAGE_GOAL,
                detail=f"{album[0].calls} calls for 1 page",
                remark=_TWO_CALLS,
            ),
            Measurement(
                name="an album: calls for a page after the first / pages",
                value=max(each.calls for each in album[1:]),
                goal=CALLS_GOAL,
                detail=f"{sum(each.calls for each in album[1:])} calls for {len(album) - 1} pages",
            ),
            # Without the first page, which has one call more.
            _grown("an album: CPU of a page: last fifth / first", [each.cpu for each in album[1:]]),
            _grown("an album: wall time of a page: last fifth / first", [each.wall for each in album[1:]]),
        ),
        plots=(
            Plot(
                name="image-lists",
                title="CPU of a page by how deep it is in the list",
                x="images before the page",
                y="ms",
                lines=(
                    _smoothed("all images", [each.cpu for each in all_images], page),
                    _smoothed("an album", [each.cpu for each in album], page),
                ),
            ),
        ),
        tables=(("Pages of all images by depth", _by_depth(all_images, page)),),
    )


def _grown(name: str, values: Sequence[float], remark: str = "") -> Measurement:
    first, last = growth(values)
    return Measurement(
        name=name,
        value=last / first,
        goal=GROWTH_GOAL,
        detail=f"{last:.1f} ms / {first:.1f} ms",
        remark=remark,
    )


def _smoothed(name: str, values: Sequence[float], page: int) -> Line:
    """Medians of a few pages around each, since a single one is mostly noise."""
    around = [(number, values[max(0, number - 2) : number + 3]) for number in range(len(values))]
    return Line(name=name, points=[(number * page, median(few)) for number, few in around])


def _by_depth(costs: Sequence[Cost], page: int) -> str:
    fifth = max(1, len(costs) // _FIFTHS)
    rows: list[tuple[str, ...]] = []
    for start in range(0, fifth * _FIFTHS, fifth):
        part = costs[start : start + fifth]
        if part:
            cpu, wall = median(each.cpu for each in part), median(each.wall for each in part)
            images = f"{start * page + 1:,} to {(start + len(part)) * page:,}"
            rows.append((images, f"{cpu:.1f} ms", f"{wall:.1f} ms", f"{wall - cpu:.1f} ms"))
    return table(("images", "CPU", "wall", "not ours"), rows)


def _table() -> Mapping[str, Any]:
    """Arguments of `create_table` for the table that the program declares."""
    names = sorted({(key.name, key.type) for key in IMAGES.keys})
    return {
        "TableName": NAME,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in names],
        "KeySchema": _schema(IMAGES.partition.name, IMAGES.sort and IMAGES.sort.name),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index.name,
                "KeySchema": _schema(index.partition.name, index.sort and index.sort.name),
                "Projection": {"ProjectionType": index.projection},
            }
            for index in IMAGES.indexes
        ],
    }


def _schema(partition: str, sort: str | None) -> list[dict[str, str]]:
    keys = ((partition, "HASH"), (sort, "RANGE"))
    return [{"AttributeName": name, "KeyType": kind} for name, kind in keys if name]


def _made(images: int, in_album: int) -> tuple[Album, list[Image]]:
    """An album and the user's images in no order; the first of them are in the album."""
    ids = make_ulid_generator(lambda: AT, random.Random(1).randbytes)  # noqa: S311 - ids of a measurement
    album = Album(
        album_id=ids(), user_id=USER, name="Summer", created_at=AT, updated_at=AT, image_count=in_album
    )
    numbers = list(range(images))
    random.Random(2).shuffle(numbers)  # noqa: S311 - the order of a measurement
    return album, [
        Image(
            image_id=ids(),
            user_id=USER,
            status=Status.READY,
            content_type="image/jpeg",
            declared_size=5_242_880,
            created_at=AT + timedelta(seconds=number),
            updated_at=AT + timedelta(seconds=number),
            title=f"Sunset {number}",
            description="At the sea, with the children and a dog that is not ours",
            album_id=album.album_id if place < in_album else None,
            size=1_843_200,
            width=4032,
            height=3024,
            etag=f"{number:032x}",
        )
        for place, number in enumerate(numbers)
    ]


def _write(client: Any, album: Album, images: Sequence[Image]) -> None:  # noqa: ANN401 - clients have no type
    client.put_item(TableName=NAME, Item=album_row(album))
    for batch in _batches(images):
        rows = [image_row(image) | _listed(image) for image in batch]
        answer = client.batch_write_item(RequestItems={NAME: [{"PutRequest": {"Item": row}} for row in rows]})
        if answer["UnprocessedItems"]:
            raise ValueError("the emulator did not write all rows")


def _batches(images: Sequence[Image]) -> Iterator[Sequence[Image]]:
    for start in range(0, len(images), _BATCH):
        yield images[start : start + _BATCH]


def _listed(image: Image) -> dict[str, Any]:
    """What an album's list needs to find a ready image; new images are in none."""
    return {
        name: {"S": value}
        for name, value in album_index_keys(image, image.album_id).items()
        if value is not None
    }


def _gallery(client: Any, connection: Mapping[str, str]) -> ImageService:  # noqa: ANN401 - clients have no type
    """The service as its function composes it. Lists call neither the bucket nor the distribution."""
    cursors = Cursors(key=lambda: b"k" * 32, clock=_now)
    s3: Any = boto3.client("s3", **connection)
    return ImageService(
        images=ImageRepository(client=client, table=NAME, cursors=cursors),
        albums=AlbumRepository(client=client, table=NAME, cursors=cursors),
        store=ImageStore(client=s3, bucket=NAME),
        distribution=ImageDistribution(client=_no_client, distribution_id=NAME),
        ids=make_ulid_generator(_now, random.Random(3).randbytes),  # noqa: S311 - ids of a measurement
        clock=_now,
        maximum_bytes=1,
        delivery_url="https://images.example.com",
    )


def _no_client() -> CloudFrontClient:
    raise AssertionError("a list invalidates something")


def _now() -> datetime:
    return AT
