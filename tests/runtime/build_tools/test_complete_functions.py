"""D7: the server function contains the packages that the site imports, for the CPU of the function."""

import json
from pathlib import Path

import pytest

from tests.runtime.build_tools.node_script import ScriptError, run_script

BUNDLE = ".open-next/server-functions/default"
CHUNK = ".next/server/chunks/a.js"
ALIAS = "sharp-20c6a5da84e2135f"
MACHINES = {"x64": 0x3E, "arm64": 0xB7}
# Takes the place of the tracer in Next.js: it returns all files of the imported packages.
TRACER = """
    const fs = require("node:fs"), path = require("node:path");
    exports.nodeFileTrace = async ([file], { base }) => {
      const fileList = new Set();
      for (const [, name] of fs.readFileSync(file, "utf8").matchAll(/"((?:@[^/"]+\\/)?[^/"]+).*"/g)) {
        const folder = name.endsWith("f") ? path.join(base, ".next") : base; // an alias
        const found = fs.realpathSync(path.join(folder, "node_modules", name));
        for (const entry of fs.readdirSync(found, { recursive: true })) {
          const full = path.join(found, entry);
          if (fs.statSync(full).isFile()) fileList.add(path.relative(base, full));
        }
      }
      return { fileList };
    };
"""


def make_elf(cpu: str) -> bytes:
    return b"\x7fELF" + bytes(14) + MACHINES[cpu].to_bytes(2, "little") + bytes(10)


class Project:
    """A site after `open-next build`, whose server function has one chunk and no packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write("package.json", json.dumps({"dependencies": {"pino-pretty": "1.0.0"}}))
        self.write("node_modules/next/dist/compiled/@vercel/nft/index.js", TRACER)
        self.write(f"{BUNDLE}/index.mjs", "")
        self.write(f"{BUNDLE}/.next/BUILD_ID", "id")
        self.write("node_modules/next/package.json", "{}")
        self.write(".next/server/pages-manifest.json", "{}")
        self.write(f"{BUNDLE}/.next/server/pages-manifest.json", "{}")

    def write(self, path: str, content: str | bytes) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    def add_chunk(self, text: str) -> None:
        self.write(CHUNK, text)
        self.write(f"{BUNDLE}/{CHUNK}", text)

    def add_package(
        self, name: str, files: dict[str, bytes] | None = None, *, in_bundle: bool = False
    ) -> None:
        content = {"package.json": json.dumps({"name": name, "version": "1.2.3"}).encode(), **(files or {})}
        for path, data in content.items():
            self.write(f"node_modules/{name}/{path}", data)
            if in_bundle:
                self.write(f"{BUNDLE}/node_modules/{name}/{path}", data)

    def complete(self, cpu: str = "arm64") -> list[tuple[str, str]]:
        """Complete the functions, and return the name and version of each downloaded package."""
        download = f"""(name, version, folder) => {{
            fs.mkdirSync(folder, {{ recursive: true }});
            fs.writeFileSync(folder + "/package.json", JSON.stringify({{ name, version }}));
            fs.writeFileSync(folder + "/native.node", Buffer.from({list(make_elf(cpu))}));
            downloaded.push([name, version]);
        }}"""
        expression = f"""(async () => {{
            const fs = await import("node:fs"), downloaded = [];
            await tools.completeFunctions(given[0], given[1], {download});
            return downloaded;
        }})()"""
        downloaded: list[list[str]] = run_script(
            "complete_functions.mjs", expression, str(self.folder), cpu, folder=self.folder
        )
        return [(name, version) for name, version in downloaded]

    def read_bundle(self, path: str) -> str:
        return (self.folder / BUNDLE / path).read_text()

    def has_in_bundle(self, path: str) -> bool:
        return (self.folder / BUNDLE / path).exists()


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        'e.exports=require("jsdom")',
        'e.exports=import("jsdom")',
        'e.exports=e.x("jsdom",()=>require("jsdom"))',
        'await a.y("jsdom/lib/api.js")',
    ],
)
def test_a_package_that_a_chunk_imports_is_added(project: Project, text: str) -> None:
    project.add_package("jsdom", {"lib/api.js": b""})
    project.add_chunk(text)
    project.complete()
    assert project.has_in_bundle("node_modules/jsdom/lib/api.js")


def test_an_alias_of_turbopack_becomes_the_package_itself(project: Project) -> None:
    """With a copy of the package below the alias, the state of the package would exist twice."""
    project.add_package("sharp")
    for folder in (".next", f"{BUNDLE}/.next"):
        link = project.folder / folder / "node_modules" / ALIAS
        link.parent.mkdir(parents=True)
        link.symlink_to("../../node_modules/sharp")
    project.add_chunk(f'await a.y("{ALIAS}");await a.y("{ALIAS}/lib/a.js")')
    project.complete()
    assert project.has_in_bundle("node_modules/sharp/package.json")
    assert project.read_bundle(CHUNK) == 'await a.y("sharp");await a.y("sharp/lib/a.js")'
    assert not (project.folder / BUNDLE / ".next/node_modules" / ALIAS).is_symlink()


def test_imports_that_fail_under_next_start_too_are_ignored(project: Project) -> None:
    project.add_chunk('try{require("critters")}catch{};require("node:fs");require("./b.js")')
    assert project.complete() == []


def test_transports_of_pino_are_added_although_no_chunk_imports_them(project: Project) -> None:
    """Pino loads a transport by its name, in a worker."""
    for name in ("pino", "thread-stream", "pino-pretty"):
        project.add_package(name, {"worker.js": b""})
    project.add_chunk('require("pino")')
    project.complete()
    assert project.has_in_bundle("node_modules/pino-pretty/worker.js")
    assert project.has_in_bundle("node_modules/thread-stream/worker.js")


def test_native_packages_are_replaced_by_those_for_the_cpu_of_the_functions(project: Project) -> None:
    """The build runs on x64. The version is the one in the lock file."""
    project.add_package("@img/sharp-linux-x64", {"lib/sharp.node": make_elf("x64")}, in_bundle=True)
    project.add_package("@resvg/resvg-js-linux-x64-gnu", {"resvg.node": make_elf("x64")}, in_bundle=True)
    assert sorted(project.complete("arm64")) == [
        ("@img/sharp-linux-arm64", "1.2.3"),
        ("@resvg/resvg-js-linux-arm64-gnu", "1.2.3"),
    ]
    assert not project.has_in_bundle("node_modules/@img/sharp-linux-x64")
    assert project.has_in_bundle("node_modules/@img/sharp-linux-arm64/native.node")


def test_native_packages_for_the_cpu_of_the_functions_are_kept(project: Project) -> None:
    project.add_package("@img/sharp-linux-x64", {"lib/sharp.node": make_elf("x64")}, in_bundle=True)
    assert project.complete("x64") == []
    assert project.has_in_bundle("node_modules/@img/sharp-linux-x64/lib/sharp.node")


def test_prebuilt_code_in_the_package_is_added_for_the_cpu_of_the_functions(project: Project) -> None:
    """The tracer finds only the code for the machine of the build."""
    project.add_package("argon2", {"prebuilds/linux-x64/a.node": make_elf("x64")}, in_bundle=True)
    project.add_package("argon2", {"prebuilds/linux-arm64/a.node": make_elf("arm64")})
    project.complete("arm64")
    assert project.has_in_bundle("node_modules/argon2/prebuilds/linux-arm64/a.node")
    assert not project.has_in_bundle("node_modules/argon2/prebuilds/linux-x64/a.node")


def test_code_that_npm_has_compiled_is_added(project: Project) -> None:
    """Npm compiles a package whose own code does not work. Such a package prefers the compiled code."""
    project.add_package("argon2", {"prebuilds/linux-x64/a.node": make_elf("x64")}, in_bundle=True)
    project.add_package("argon2", {"build/Release/a.node": make_elf("x64")})
    project.complete("x64")
    assert project.has_in_bundle("node_modules/argon2/build/Release/a.node")


@pytest.mark.parametrize(
    ("name", "file", "advice"),
    [
        ("bcrypt", "lib/binding/bcrypt_lib.node", "@node-rs/bcrypt"),
        (".prisma/client", "libquery_engine-rhel-openssl-3.0.x.so.node", '"linux-arm64-openssl-3.0.x"'),
    ],
)
def test_native_code_that_cannot_be_replaced_is_refused_by_name(
    project: Project, name: str, file: str, advice: str
) -> None:
    project.add_package(name, {file: make_elf("x64")}, in_bundle=True)
    with pytest.raises(ScriptError) as raised:
        project.complete("arm64")
    assert f"{name} for x64 (node_modules/{name}/{file})" in str(raised.value)
    assert advice in str(raised.value)


def test_one_engine_of_prisma_for_the_cpu_is_enough(project: Project) -> None:
    """Prisma puts engines into two packages, and looks for them in both."""
    project.add_package("@prisma/engines", {"libquery_engine-a.so.node": make_elf("x64")}, in_bundle=True)
    project.add_package(".prisma/client", {"libquery_engine-b.so.node": make_elf("arm64")}, in_bundle=True)
    assert project.complete("arm64") == []


def test_the_files_of_edge_routes_are_added(project: Project) -> None:
    """Next.js's server runs these files in its sandbox. OpenNext leaves out parts of the sandbox."""
    project.write("node_modules/next/dist/compiled/babel/code-frame.js", "")
    files = {
        "files": ["server/edge/chunks/route.js"],
        "wasm": [{"name": "a", "filePath": "server/edge-chunks/a.wasm"}],
        "assets": [{"name": "b", "filePath": "server/edge/assets/b.ttf"}],
    }
    manifest = {"functions": {"/api/e/route": files}}
    project.write(".next/server/middleware-manifest.json", json.dumps(manifest))
    for path in ("server/edge/chunks/route.js", "server/edge-chunks/a.wasm", "server/edge/assets/b.ttf"):
        project.write(f".next/{path}", path)
    project.complete()
    assert project.read_bundle(".next/server/edge/chunks/route.js")
    assert project.read_bundle(".next/server/edge-chunks/a.wasm")
    assert project.read_bundle(".next/server/edge/assets/b.ttf")
    assert project.has_in_bundle("node_modules/next/dist/compiled/babel/code-frame.js")


def test_static_error_pages_are_added(tmp_path: Path) -> None:
    """OpenNext leaves files of HTML out, so Next.js would make other answers for `/404` and `/500`."""
    project = Project(tmp_path)
    built = {
        "/404": "pages/404.html",
        "/de/500": "pages/de/500.html",
        "/_app": "pages/_app.js",
        "/about": "pages/about.html",
    }
    project.write(".next/server/pages-manifest.json", json.dumps(built))
    project.write(f"{BUNDLE}/.next/server/pages-manifest.json", json.dumps({"/_app": "pages/_app.js"}))
    project.write(".next/server/pages/404.html", "not found")
    project.write(".next/server/pages/de/500.html", "failed")
    project.complete()
    folder = tmp_path / BUNDLE / ".next/server"
    assert json.loads((folder / "pages-manifest.json").read_text()) == {
        "/_app": "pages/_app.js",
        "/404": "pages/404.html",
        "/de/500": "pages/de/500.html",
    }
    assert (folder / "pages/404.html").read_text() == "not found"
    assert (folder / "pages/de/500.html").read_text() == "failed"


def test_an_error_page_that_is_code_stays(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.write(".next/server/pages-manifest.json", json.dumps({"/404": "pages/404.js"}))
    project.write(f"{BUNDLE}/.next/server/pages-manifest.json", json.dumps({"/404": "pages/404.js"}))
    project.complete()
    assert not (tmp_path / BUNDLE / ".next/server/pages").exists()


@pytest.mark.parametrize(("traced", "expected"), [("og/index.node.js", True), ("nft/index.js", False)])
def test_sharp_is_added_for_images_of_next_og(tmp_path: Path, traced: str, *, expected: bool) -> None:
    project = Project(tmp_path)
    project.add_package("sharp")
    project.write(f"{BUNDLE}/node_modules/next/dist/compiled/@vercel/{traced}", "")
    project.complete()
    assert (tmp_path / BUNDLE / "node_modules/sharp/package.json").exists() is expected
