"""What every component is based on: settings of the stage, errors, grants and outputs."""
