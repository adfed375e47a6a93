"""The real `__main__.py` on the embedded AWS, deployed once for all tests that only read it."""

from pathlib import Path

import yaml

from local.emulator.emulator import Emulator
from local.engine.engine import Deployment, Engine
from tests.components.stages import STAGE_FILES

ROOT = Path(__file__).parents[2]


class DeployedProgram:
    """The only deployment of the program in a process. `get_deployment` deploys the program once.

    Call `forget` if the emulator is emptied. Then `get_deployment` deploys the program again.
    """

    def __init__(self, emulator: Emulator, layers: Path) -> None:
        self.emulator = emulator
        self.engine = Engine(emulator, root=ROOT, stage_files=STAGE_FILES)
        self._layers = layers
        self._deployment: Deployment | None = None

    def get_deployment(self) -> Deployment:
        if self._deployment is None:
            self.emulator.reset()
            self.engine = Engine(self.emulator, root=ROOT, stage_files=STAGE_FILES)
            self._deployment = self.deploy()
        return self._deployment

    def deploy(self) -> Deployment:
        """Deploy the program, even if it is already deployed."""
        return self.engine.deploy(overrides={"anchor-deploy:layers": str(self._layers)})

    def forget(self) -> None:
        self._deployment = None


def make_layers(folder: Path) -> Path:
    """Create a folder like the one that `make package` creates, with one small file in each layer."""
    stage = yaml.safe_load((STAGE_FILES / "Pulumi.local.yaml").read_text())["config"]["anchor-deploy:stage"]
    for layer in ("base", "edge"):
        python = folder / f"{stage['pythonRuntime']}-{stage['architecture']}" / layer / "python"
        python.mkdir(parents=True)
        (python / "placeholder.py").write_text(f"LAYER = {layer!r}\n")
    return folder
