import { notFound } from "next/navigation";
import { findPost, posts } from "@/lib/posts";

export function generateStaticParams() {
  return posts.filter((post) => post.prerendered).map(({ slug }) => ({ slug }));
}

export default async function PostPage({ params }: PageProps<"/posts/[slug]">) {
  const post = findPost((await params).slug);
  if (!post) notFound();
  return (
    <article>
      <h1 data-testid="title">{post.title}</h1>
      <p>{post.body}</p>
      <p>
        Rendered at <time data-testid="rendered-at">{new Date().toISOString()}</time>
      </p>
    </article>
  );
}
