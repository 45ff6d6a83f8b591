// What is loaded when it is first shown: editors and charts are larger than all the rest.
import { type ComponentProps, Suspense, lazy } from "react";

import { Loading } from "./parts";

const LazyEditor = lazy(() => import("./editor"));

export function Editor(props: ComponentProps<typeof LazyEditor>) {
  return (
    <Suspense fallback={<Loading />}>
      <LazyEditor {...props} />
    </Suspense>
  );
}
