import Head from "next/head";
import Link from "next/link";
import dynamic from "next/dynamic";

const Later = dynamic(() => import("../components/later"));
const OnlyInBrowsers = dynamic(() => import("../components/later"), { ssr: false, loading: () => <p>loading</p> });

export default function Page() {
  return (
    <>
      <Head>
        <title>Start</title>
      </Head>
      <h1>Start</h1>
      <Link href="/posts/first">First</Link>
      <Later />
      <OnlyInBrowsers />
    </>
  );
}
