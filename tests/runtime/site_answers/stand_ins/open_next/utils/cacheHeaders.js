export const ISR_HEADER = "x-isr";
export const PRERENDER_REVALIDATE_HEADER = "x-prerender-revalidate";
