import { useEffect, useState } from "react";

// useSettled is a value once it has stayed the same for so many milliseconds: what somebody types is not asked for at each key.
export function useSettled<T>(value: T, milliseconds: number): T {
  const [settled, settle] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => settle(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}
