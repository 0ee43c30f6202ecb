"""A finished live recording, shown by the code that shows a video's result."""

import streamlit as st

from emotion_core.ui.video_result import View


class LiveView(View):
    """The result of a recording; without a player or moments where no picture was kept."""

    @property
    def clip_is_older(self) -> bool:
        """Names given while it was recorded are drawn in it; what was merged or left out is not."""
        return super().clip_is_older and bool(self.edits.merged or self.edits.excluded)

    def _redraw(self) -> None:
        """The camera's pictures are not kept without what is drawn on them."""
        if self.clip_is_older:
            st.caption("The clip shows everybody as they were found, before your changes.")

    def draw(self) -> None:
        """The whole result, top to bottom."""
        if self.has_clip:
            super().draw()
            return
        from emotion_core.ui.video_exports import show_exports
        from emotion_core.ui.video_markers import show_markers
        from emotion_core.ui.video_people import show_people_list
        from emotion_core.ui.video_timeline import show_statistics, show_timelines

        self._facts()
        if len(self.table):
            show_people_list(self)
            show_timelines(self)
            show_statistics(self)
        else:
            self._nobody()
        show_markers(self)
        show_exports(self)
