/**
 * The time that a function has for a request. The wrapper answers 504 shortly before Lambda would end the function,
 * because the visitor would then get an empty answer with status 502, and the log would not name the path.
 */

/** CloudFront waits 60 seconds for the head of an answer (components/edge/shared_edge.py). */
const EDGE_LIMIT = 55_000;
const RESERVE = 500; // milliseconds for the answer, or a tenth of a short time

/** The time of a request is over. The message is for the owner of the site. */
export class TimeLimitError extends Error {}

/** Return the result of `work`. If the time is over before, raise an error. */
export async function withTimeLimit(context, { describe, hasStarted }, work) {
  const remaining = context.getRemainingTimeInMillis();
  const limit = remaining - Math.min(RESERVE, remaining / 10);
  let timer;
  const exceeded = new Promise((_resolve, reject) => {
    const fail = (time, state) => reject(new TimeLimitError(`${describe} ${state} after ${formatSeconds(time)}`));
    const endAll = (spent) => {
      timer = setTimeout(fail, limit - spent, remaining, "was not answered completely");
    };
    const head = Math.min(limit, EDGE_LIMIT);
    const endHead = () => {
      if (!hasStarted()) return fail(Math.min(remaining, EDGE_LIMIT), "had no answer");
      return limit > head ? endAll(head) : fail(remaining, "was not answered completely");
    };
    timer = setTimeout(endHead, head);
  });
  try {
    return await Promise.race([work(), exceeded]);
  } finally {
    clearTimeout(timer);
  }
}

function formatSeconds(milliseconds) {
  const seconds = Math.round(milliseconds / 1000);
  return `${seconds} ${seconds === 1 ? "second" : "seconds"}, the limit of this site's functions`;
}
