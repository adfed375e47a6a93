export interface Post {
  slug: string;
  title: string;
  body: string;
  /** Whether the page is rendered during the build. The others are rendered on the first request. */
  prerendered: boolean;
}

export const posts: readonly Post[] = [
  { slug: "first", title: "The first post", body: "Rendered while building.", prerendered: true },
  { slug: "second", title: "The second post", body: "Rendered while building, too.", prerendered: true },
  { slug: "third", title: "The third post", body: "Rendered when first asked for.", prerendered: false },
  { slug: "fourth", title: "The fourth post", body: "Rendered when first asked for, too.", prerendered: false },
];

export function findPost(slug: string): Post | undefined {
  return posts.find((post) => post.slug === slug);
}
