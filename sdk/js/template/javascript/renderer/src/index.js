import { object, renderer, string } from "@springline/sdk";

export default renderer({
  name: "{{name}}",
  version: "0.1.0",
  summary: "Puts a header above every file.",
  config: object({
    header: string({ description: "What stands above every file." }),
  }),

  render(config, render) {
    return render.files().map((path) => render.object(path, `${config.header}\n${render.readText(path)}`));
  },
});
