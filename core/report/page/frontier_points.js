// What the frontier is made of, without a picture: points, which of them none beats, the best for a budget.

/** Every measurement of the data that has a loss and a skip ratio. */
export function pointsOf({ runs, rest }) {
  const finished = runs.filter(({ status }) => status === "finished");
  const points = [
    ...finished.map((run) => ({
      kind: "run",
      group: run.group,
      run,
      label: "",
      ...numbersOf(run),
    })),
    ...finished.flatMap((run) =>
      run.budgets.map((at) => ({
        kind: "budget",
        group: run.group,
        run,
        budget: at.budget,
        label: `at budget ${at.budget}`,
        ...numbersOf(at),
      }))
    ),
    ...rest.points.map((point) => ({
      kind: "trial",
      group: point.group,
      run: null,
      label: `${point.label} (${point.source})`,
      ...numbersOf(point),
    })),
  ];
  return points.filter(({ loss, skipRatio }) => loss !== null && skipRatio !== null);
}

const numbersOf = ({ skipRatio, loss, perplexity, flopsShare, accuracy }) => ({
  skipRatio,
  loss,
  perplexity,
  flopsShare,
  accuracy,
});

/** The cost of a point on an axis, which is better the lower it is. */
export const costOf = (point, axis) =>
  axis === "skipRatio" ? 1 - point.skipRatio : point.flopsShare;

/** The points that none beats in loss and cost, cheapest last. */
export function frontierOf(points, axis) {
  const usable = points.filter((point) => costOf(point, axis) !== null);
  const sorted = usable.toSorted((a, b) => costOf(a, axis) - costOf(b, axis) || a.loss - b.loss);
  const frontier = [];
  for (const point of sorted) {
    if (frontier.length === 0 || point.loss < frontier.at(-1).loss) frontier.push(point);
  }
  return frontier.reverse();
}

/** The point of least loss that costs no more than a budget allows; `undefined` where there is none. */
export function bestWithin(points, axis, budget) {
  const most = axis === "skipRatio" ? 1 - budget : budget;
  // Half a percent: a point that was trained for a budget should count for it.
  const affordable = points.filter((point) => {
    const cost = costOf(point, axis);
    return cost !== null && cost <= most + 0.005;
  });
  return affordable.toSorted((a, b) => a.loss - b.loss)[0];
}
