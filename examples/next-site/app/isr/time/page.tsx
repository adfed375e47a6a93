export const revalidate = 2;

export default function TimePage() {
  return (
    <>
      <h1>Revalidated by time</h1>
      <p>
        Rendered at <time data-testid="rendered-at">{new Date().toISOString()}</time>, at most once every two seconds.
      </p>
    </>
  );
}
