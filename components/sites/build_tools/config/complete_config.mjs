// Completes a site's open-next.config with the platform's overrides. OpenNext bundles this file and the site's config
// into one file, evaluates it in the build, and copies it into each function.
import { imageOptimization } from "./image_optimization.mjs";
import * as platform from "./platform_overrides.mjs";

// Values of OpenNext that the platform supports. For `wrapper`, the site's choice is kept. For every other option, the
// value means the same as no value: the platform's override is used.
const SUPPORTED = {
  wrapper: ["aws-lambda", "aws-lambda-streaming", "aws-lambda-compressed"],
  converter: ["aws-apigw-v2"],
  incrementalCache: ["s3", "s3-lite", "multi-tier-ddb-s3"],
  tagCache: ["dynamodb", "dynamodb-lite", "dynamodb-nextMode"],
  queue: ["sqs", "sqs-lite"],
  proxyExternalRequest: ["node", "fetch"],
  cdnInvalidation: ["dummy"],
  loader: ["s3", "s3-lite"],
  assetResolver: ["dummy"],
  invokeFunction: ["aws-lambda"],
  enableCacheInterception: [true, false],
};
const KEPT = new Set(["wrapper"]);
// `revalidate` reads a queue, so its values differ from those of a server function.
const SUPPORTED_BY_REVALIDATION = { wrapper: ["aws-lambda"], converter: ["sqs-revalidate"] };

// A function for the edge runtime becomes a function for Node.js, in which Next.js's server runs its routes in a sandbox.
const RUNTIMES = new Set(["node", "edge"]);

/** The site's config sets an option that only the platform can set. */
export class ConfigError extends Error {}

/**
 * Return the config with the platform's overrides.
 *
 * @param site Default export of the site's open-next.config, or undefined.
 * @param overrides The platform's overrides. Tests pass others.
 * @throws ConfigError An option of the site contradicts the platform.
 */
export function completeConfig(site, overrides = platform) {
  const given = site ?? {};
  checkTypes(given);
  const complete = (functionOptions, path) => completeFunction(functionOptions, path, overrides.SERVER_OVERRIDES);
  return {
    ...given,
    default: complete(given.default, "default"),
    ...(given.functions && {
      functions: Object.fromEntries(
        Object.entries(given.functions).map(([name, options]) => [name, complete(options, `functions.${name}`)]),
      ),
    }),
    ...completeSection(given, "middleware", { external: false }, overrides.MIDDLEWARE_OPTIONS, {}),
    imageOptimization: {
      ...imageOptimization,
      ...completeSection(given, "imageOptimization", {}, overrides.IMAGE_OPTIONS, overrides.IMAGE_OVERRIDES)
        .imageOptimization,
    },
    ...completeSection(given, "revalidate", {}, {}, overrides.REVALIDATION_OVERRIDES, SUPPORTED_BY_REVALIDATION),
    ...completeSection(given, "dangerous", {}, overrides.DANGEROUS_OPTIONS, {}),
  };
}

/** Return the config, or end the build with the cause and the next step. */
export function completeConfigOrExit(site) {
  try {
    const completed = completeConfig(site);
    const replaced = listReplacedOptions(site);
    // Functions evaluate the config, too. Only builds have this variable.
    if (process.env.ANCHOR_LAMBDA_ARCH && replaced.length > 0)
      console.log(`==> The platform's own implementations are used for ${replaced.join(", ")} in open-next.config.`);
    return completed;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.log(`==> FAILED: ${error.message}`);
    console.log("==> What to do: Correct open-next.config, and push again.");
    process.exit(3); // steps.sh does not report this failure again
  }
}

function checkTypes(given) {
  for (const path of ["default", "functions", "middleware", "imageOptimization", "revalidate", "dangerous"]) {
    const value = given[path];
    if (value !== undefined && (value === null || typeof value !== "object"))
      throw new ConfigError(`${path} in open-next.config is not an object.`);
  }
}

function completeFunction(options, path, overrides) {
  const { runtime = "node", ...others } = options ?? {};
  if (!RUNTIMES.has(runtime))
    throw new ConfigError(`${path}.runtime in open-next.config is "${runtime}", which does not run on Lambda: remove it.`);
  return { ...others, override: completeOptions(others.override, `${path}.override`, overrides, SUPPORTED) };
}

/** Return the options for which the site names an implementation of OpenNext that the platform's takes the place of. */
export function listReplacedOptions(site, overrides = platform) {
  const functions = [site?.default, ...Object.values(site?.functions ?? {})];
  const given = functions.flatMap((options) => Object.keys(options?.override ?? {}));
  return [...new Set(given)].filter((name) => name in overrides.SERVER_OVERRIDES && !KEPT.has(name)).sort();
}

function completeSection(given, name, base, options, overrides, supported = SUPPORTED) {
  const section = given[name];
  const override = completeOptions(section?.override, `${name}.override`, overrides, supported);
  const made = {
    ...base,
    ...completeOptions(section, name, options, supported),
    ...(Object.keys(override).length > 0 && { override }),
  };
  return section === undefined && Object.keys(made).length === Object.keys(base).length ? {} : { [name]: made };
}

function completeOptions(given, path, overrides, supported) {
  for (const [name, value] of Object.entries(given ?? {})) {
    if (!(name in supported) || value === undefined || supported[name].includes(value)) continue;
    const found = typeof value === "string" ? `"${value}"` : "an implementation of its own";
    throw new ConfigError(
      `${path}.${name} in open-next.config is ${found}, but the platform sets this option itself: remove it` +
        (KEPT.has(name) ? `, or use one of ${supported[name].join(", ")}.` : "."),
    );
  }
  const kept = Object.entries(given ?? {}).filter(
    ([name, value]) => value !== undefined && (!(name in supported) || !(name in overrides) || KEPT.has(name)),
  );
  return { ...overrides, ...Object.fromEntries(kept) };
}
