import type { MDXComponents } from "mdx/types";

export const useMDXComponents = (components: MDXComponents): MDXComponents => ({
  h1: ({ children }) => <h1 className="text-2xl">{children}</h1>,
  ...components,
});
