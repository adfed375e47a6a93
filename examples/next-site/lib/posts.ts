export interface Post {
  slug: string;
  title: string;
  body: string;
  /** Whether the page of this post is rendered during the build. Otherwise it is rendered on the first request. */
  prerendered: boolean;
}

export const posts: readonly Post[] = [
  { slug: "first", title: "The first post", body: "Rendered during the build.", prerendered: true },
  { slug: "second", title: "The second post", body: "Rendered during the build, too.", prerendered: true },
  { slug: "third", title: "The third post", body: "Rendered on the first request.", prerendered: false },
  { slug: "fourth", title: "The fourth post", body: "Rendered on the first request, too.", prerendered: false },
];

export function findPost(slug: string): Post | undefined {
  return posts.find((post) => post.slug === slug);
}
