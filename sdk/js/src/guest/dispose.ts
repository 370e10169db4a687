/** Drops a handle at once: the engines would wait for their garbage collector. */
export function dispose(handle: object): void {
  const symbol = (Symbol as { dispose?: symbol }).dispose ?? Symbol.for("dispose");
  const drop = (handle as Record<symbol, unknown>)[symbol];
  if (typeof drop === "function") {
    drop.call(handle);
  }
}
