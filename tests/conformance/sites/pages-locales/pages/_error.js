export default function ErrorPage({ statusCode }) {
  return <p>error {statusCode}</p>;
}

ErrorPage.getInitialProps = ({ res, err }) => ({ statusCode: res?.statusCode ?? err?.statusCode ?? 404 });
