// The config of a site that uses its own version of OpenNext and has no config: without the platform's overrides,
// because they belong to the platform's version.
import { imageOptimization } from "./image_optimization.mjs";

export default {
  default: { override: { wrapper: "aws-lambda-streaming" } },
  imageOptimization,
};
