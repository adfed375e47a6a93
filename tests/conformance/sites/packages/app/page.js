export default function Page() {
  return <p>Packages with native code, workers or files of their own.</p>;
}
