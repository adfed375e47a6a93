export const getStaticPaths = () => ({
  paths: [{ params: { slug: "first" } }, { params: { slug: "größe" } }],
  fallback: "blocking",
});

export function getStaticProps({ params }) {
  if (params.slug === "gone") return { notFound: true };
  if (params.slug === "redirected") return { redirect: { destination: "/posts/first", permanent: false } };
  if (params.slug === "throws") throw new Error("the data of this post is broken");
  return { props: { slug: params.slug } };
}

export default function Post({ slug }) {
  return <p>post {slug}</p>;
}
