// The platform's implementations of OpenNext's extension points, by the option of open-next.config that selects them.
// A value is the name of an implementation of OpenNext, or a function that loads a file of the folder overrides:
//
//   queue: () => import("../overrides/queue.mjs").then((module) => module.default),
//
// These values take the place of OpenNext's default values in every site that does not opt out.

/** `override` of the default server function and of each split function. */
export const SERVER_OVERRIDES = {
  wrapper: "aws-lambda-streaming",
  incrementalCache: () => import("../overrides/incremental_cache.mjs").then((module) => module.default),
  tagCache: () => import("../overrides/tag_cache.mjs").then((module) => module.default),
  queue: () => import("../overrides/queue.mjs").then((module) => module.default),
};

/** Options of `middleware` (routing inside the server function). */
export const MIDDLEWARE_OPTIONS = {};

/** Options of `imageOptimization`, and its `override`. */
export const IMAGE_OPTIONS = {};
export const IMAGE_OVERRIDES = {};

/** `override` of `revalidate`. */
export const REVALIDATION_OVERRIDES = {};

/** Options of `dangerous`. */
export const DANGEROUS_OPTIONS = {
  // OpenNext would answer cached pages without Next.js, with other headers, and send stale ones to its queue.
  enableCacheInterception: false,
};
