export const compareSemver = (version, _operator, other) => Number.parseInt(version) >= Number.parseInt(other);
