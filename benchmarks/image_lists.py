"""Time and DynamoDB calls of each page in the lists of a user with many images."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any, Final

import boto3
from attrs import define, frozen

from benchmarks.emulator import run_emulator
from benchmarks.model import Goal, Measurement, Report, ShowProgress
from benchmarks.plot import Line, Plot
from components.images.tables import IMAGES
from reference.markdown import format_table
from runtime.images.model import Album, Image, Status
from runtime.images.repositories.albums import AlbumRepository
from runtime.images.repositories.distribution import ImageDistribution
from runtime.images.repositories.images import ImageRepository
from runtime.images.repositories.objects import ImageStore
from runtime.images.repositories.rows import build_album_index_keys, build_album_row, build_image_row
from runtime.images.repositories.usage import ImageLimits
from runtime.images.service.managing import ImageService
from runtime.shared.api.requests import MAX_PAGE_SIZE
from runtime.shared.aws import CloudFrontClient, create_default_config
from runtime.shared.cursors import Cursors
from runtime.shared.ids import make_ulid_generator

NAME: Final = "benchmark-images"
USER: Final = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
AT: Final = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
GROWTH_GOAL: Final = Goal(bound=1.2)
CALLS_GOAL: Final = Goal(bound=1)
FIRST_PAGE_GOAL: Final = Goal(bound=2)
_FIFTHS: Final = 5
_WALKS: Final = 3  # how often each list is read; the fastest time of each page counts
_BATCH: Final = 25  # maximum number of rows in one `BatchWriteItem`
_METHOD: Final = """\
One user has {images:,} images, {in_album:,} of them in one album. The images are in the declared table, on
an emulator that runs in a separate process. Two lists are read: all images of the user, and the images of
the album. Both are read as in the API, {page} images per page, each page with the signed cursor of the
previous page. Each list is read {walks} times, and the fastest time of each page counts. Calls are counted
where botocore sends them, so that retries count, too. The order of all images is checked. The median of
the last fifth of the pages is compared with that of the first fifth. CPU is the CPU time of this process.
The wall time includes the emulator."""
_EMULATOR: Final = """\
CPU is the time that a page costs in the function: to sign and verify cursors, to send the request, and to
parse {page} rows. The rest of the wall time, {share:.0f} % for a page of all images, is spent in the
emulator. For each page, the emulator scans all rows of the user, while DynamoDB would start at the key in
the cursor."""
_TWO_CALLS: Final = """\
The first page of an album needs a second call, which checks that the album belongs to the user. On further
pages, the signature of the cursor proves this, so one call is enough."""


@frozen(kw_only=True)
class Cost:
    """The cost of one page.

    Attributes:
        calls: Number of DynamoDB calls.
        cpu: CPU time of this process, in milliseconds.
        wall: Wall time, in milliseconds.
    """

    calls: int
    cpu: float
    wall: float


@define
class RequestCounter:
    """A counter of the requests that a boto3 client sends."""

    count: int = 0

    def count_request(self, **_: object) -> None:
        """Count a request.

        botocore calls this method for its event `before-send`. The method returns None, so botocore then
        sends the request.
        """
        self.count += 1


def measure(
    show_progress: ShowProgress, *, images: int = 10_000, in_album: int = 4_000, page: int = MAX_PAGE_SIZE
) -> Report:
    """Read both lists page by page, and report the costs of the pages.

    Args:
        show_progress: Shows the progress.
        images: Number of images of the user.
        in_album: Number of these images in one album.
        page: Images per page.

    Raises:
        ValueError: A list does not have the expected images in the expected order.
    """
    with run_emulator() as connection:
        # The client has the settings of the functions' clients.
        client: Any = boto3.client("dynamodb", config=create_default_config("dynamodb"), **connection)
        client.create_table(**_build_table_arguments())
        show_progress(f"image_lists: writing {images} images")
        album, made = _make_images(images, in_album)
        _write_rows(client, album, made)
        counter = RequestCounter()
        client.meta.events.register("before-send.dynamodb", counter.count_request)
        service = _make_service(client, connection)
        ids, ids_of_album = sort_newest_first(made), sort_newest_first(made[:in_album])
        every_walk: list[list[Cost]] = []
        album_walks: list[list[Cost]] = []
        for number in range(1, _WALKS + 1):
            show_progress(f"image_lists: all images of a user, then an album, time {number} of {_WALKS}")
            every_walk.append(measure_pages(service, None, ids, page=page, counter=counter))
            album_walks.append(
                measure_pages(service, album.album_id, ids_of_album, page=page, counter=counter)
            )
        everything, in_one_album = merge_walk_costs(every_walk), merge_walk_costs(album_walks)
    return _create_report(everything, in_one_album, images=images, in_album=in_album, page=page)


def measure_pages(
    service: ImageService,
    album_id: str | None,
    expected: Sequence[str],
    *,
    page: int,
    counter: RequestCounter,
) -> list[Cost]:
    """Read all pages of a list, and return the cost of each.

    Args:
        service: The image service.
        album_id: The album, or None for all images of the user.
        expected: The ids of all images of the list, in order.
        page: Images per page.
        counter: Counts the requests of the client.

    Raises:
        ValueError: The list does not have the expected images in the expected order.
    """
    costs: list[Cost] = []
    found: list[str] = []
    cursor: str | None = None
    while True:
        calls, cpu, wall = counter.count, time.process_time(), time.perf_counter()
        answer = service.list_images(USER, album_id=album_id, limit=page, cursor=cursor)
        costs.append(
            Cost(
                calls=counter.count - calls,
                cpu=(time.process_time() - cpu) * 1e3,
                wall=(time.perf_counter() - wall) * 1e3,
            )
        )
        found += [image.image_id for image in answer.items]
        cursor = answer.cursor
        if cursor is None:
            break
    if found != list(expected):
        raise ValueError(f"{len(found)} images were listed, not the {len(expected)} images, newest first")
    return costs


def merge_walk_costs(walks: Sequence[Sequence[Cost]]) -> list[Cost]:
    """Return one cost for each page: its lowest times and its highest number of calls in all walks.

    A walk reads all pages of a list once.

    Args:
        walks: For each walk, the costs of its pages.
    """
    return [
        Cost(
            calls=max(each.calls for each in page),
            cpu=min(each.cpu for each in page),
            wall=min(each.wall for each in page),
        )
        for page in zip(*walks, strict=True)
    ]


def sort_newest_first(images: Sequence[Image]) -> list[str]:
    """Return the ids of images in the order that a list must have: newest first."""
    return [image.image_id for image in sorted(images, key=lambda each: each.created_at, reverse=True)]


def compute_medians_of_first_and_last_fifth(values: Sequence[float]) -> tuple[float, float]:
    """Return the median of the first fifth of the values, and the median of the last fifth."""
    fifth = max(1, len(values) // _FIFTHS)
    return median(values[:fifth]), median(values[-fifth:])


def _create_report(
    all_images: Sequence[Cost], album: Sequence[Cost], *, images: int, in_album: int, page: int
) -> Report:
    cpu, wall = (sum(getattr(each, what) for each in all_images) for what in ("cpu", "wall"))
    emulator_share = _EMULATOR.format(page=page, share=(1 - cpu / wall) * 100)
    return Report(
        title="Lists of images",
        method=_METHOD.format(images=images, in_album=in_album, page=page, walks=_WALKS),
        measurements=(
            Measurement(
                name="DynamoDB calls / pages",
                value=max(each.calls for each in all_images),
                goal=CALLS_GOAL,
                detail=f"{sum(each.calls for each in all_images)} calls for {len(all_images)} pages",
            ),
            _measure_growth(
                "CPU per page: last fifth / first", [each.cpu for each in all_images], emulator_share
            ),
            _measure_growth("wall time per page: last fifth / first", [each.wall for each in all_images]),
            Measurement(
                name="album: DynamoDB calls for the first page / pages",
                value=album[0].calls,
                goal=FIRST_PAGE_GOAL,
                detail=f"{album[0].calls} calls for 1 page",
                remark=_TWO_CALLS,
            ),
            Measurement(
                name="album: DynamoDB calls for further pages / pages",
                value=max(each.calls for each in album[1:]),
                goal=CALLS_GOAL,
                detail=f"{sum(each.calls for each in album[1:])} calls for {len(album) - 1} pages",
            ),
            # The first page is left out, because it needs an additional call.
            _measure_growth("album: CPU per page: last fifth / first", [each.cpu for each in album[1:]]),
            _measure_growth(
                "album: wall time per page: last fifth / first", [each.wall for each in album[1:]]
            ),
        ),
        plots=(
            Plot(
                name="image-lists",
                title="CPU per page by position in the list",
                x="images before the page",
                y="ms",
                lines=(
                    _create_smoothed_line("all images", [each.cpu for each in all_images], page),
                    _create_smoothed_line("an album", [each.cpu for each in album], page),
                ),
            ),
        ),
        tables=(("Pages of all images by position", _tabulate_by_position(all_images, page)),),
    )


def _measure_growth(name: str, values: Sequence[float], remark: str = "") -> Measurement:
    first, last = compute_medians_of_first_and_last_fifth(values)
    return Measurement(
        name=name,
        value=last / first,
        goal=GROWTH_GOAL,
        detail=f"{last:.1f} ms / {first:.1f} ms",
        remark=remark,
    )


def _create_smoothed_line(name: str, values: Sequence[float], page: int) -> Line:
    """Return a line of moving medians over five pages, because the times of single pages vary much."""
    around = [(number, values[max(0, number - 2) : number + 3]) for number in range(len(values))]
    return Line(name=name, points=[(number * page, median(few)) for number, few in around])


def _tabulate_by_position(costs: Sequence[Cost], page: int) -> str:
    fifth = max(1, len(costs) // _FIFTHS)
    rows: list[tuple[str, ...]] = []
    for start in range(0, fifth * _FIFTHS, fifth):
        part = costs[start : start + fifth]
        if part:
            cpu, wall = median(each.cpu for each in part), median(each.wall for each in part)
            images = f"{start * page + 1:,} to {(start + len(part)) * page:,}"
            rows.append((images, f"{cpu:.1f} ms", f"{wall:.1f} ms", f"{wall - cpu:.1f} ms"))
    return format_table(("images", "CPU", "wall", "emulator"), rows)


def _build_table_arguments() -> Mapping[str, Any]:
    """Return the arguments of `create_table` for the declared table."""
    names = sorted({(key.name, key.type) for key in IMAGES.keys})
    return {
        "TableName": NAME,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in names],
        "KeySchema": _build_key_schema(IMAGES.partition_key.name, IMAGES.sort_key and IMAGES.sort_key.name),
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index.name,
                "KeySchema": _build_key_schema(
                    index.partition_key.name, index.sort_key and index.sort_key.name
                ),
                "Projection": {"ProjectionType": index.projection},
            }
            for index in IMAGES.indexes
        ],
    }


def _build_key_schema(partition: str, sort: str | None) -> list[dict[str, str]]:
    keys = ((partition, "HASH"), (sort, "RANGE"))
    return [{"AttributeName": name, "KeyType": kind} for name, kind in keys if name]


def _make_images(images: int, in_album: int) -> tuple[Album, list[Image]]:
    """Return an album, and images in random order of creation. The first images are in the album."""
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


def _write_rows(client: Any, album: Album, images: Sequence[Image]) -> None:  # noqa: ANN401 - clients have no type
    client.put_item(TableName=NAME, Item=build_album_row(album))
    for batch in _split_into_batches(images):
        rows = [build_image_row(image) | _build_album_index_keys(image) for image in batch]
        answer = client.batch_write_item(RequestItems={NAME: [{"PutRequest": {"Item": row}} for row in rows]})
        if answer["UnprocessedItems"]:
            raise ValueError("the emulator did not write all rows")


def _split_into_batches(images: Sequence[Image]) -> Iterator[Sequence[Image]]:
    for start in range(0, len(images), _BATCH):
        yield images[start : start + _BATCH]


def _build_album_index_keys(image: Image) -> dict[str, Any]:
    """Return the keys of a ready image in `AlbumIndex`, which `build_image_row` does not return."""
    return {
        name: {"S": value}
        for name, value in build_album_index_keys(image, image.album_id).items()
        if value is not None
    }


def _make_service(client: Any, connection: Mapping[str, str]) -> ImageService:  # noqa: ANN401 - clients have no type
    """Return the image service.

    Lists do not use the bucket, the distribution and the quotas, so the service gets meaningless values for
    them.
    """
    cursors = Cursors(key=lambda: b"k" * 32, clock=_now)
    s3: Any = boto3.client("s3", **connection)
    return ImageService(
        images=ImageRepository(client=client, table=NAME, cursors=cursors),
        albums=AlbumRepository(client=client, table=NAME, cursors=cursors),
        store=ImageStore(client=s3, bucket=NAME),
        distribution=ImageDistribution(client=_forbid_cloudfront_client, distribution_id=NAME),
        ids=make_ulid_generator(_now, random.Random(3).randbytes),  # noqa: S311 - ids of a measurement
        clock=_now,
        maximum_bytes=1,
        delivery_url="https://images.example.com",
        limits=ImageLimits(pending=1, images=1, stored_bytes=1, deletions=1),
        pause=time.sleep,
        jitter=random.random,
    )


def _forbid_cloudfront_client() -> CloudFrontClient:
    raise AssertionError("a list request invalidated a path")


def _now() -> datetime:
    return AT
