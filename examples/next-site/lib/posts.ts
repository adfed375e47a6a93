export interface Post {
  slug: string;
  title: string;
  body: string;
  /** Built with the site; the others are rendered when first asked for. */
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
