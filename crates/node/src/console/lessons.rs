//! `/console/lessons`: what the page's lessons say. The page does what they say, and looks.

use axum::Json;
use zonemq_lessons::{COURSE, Course};

/// `GET /console/lessons`
pub(super) async fn lessons() -> Json<Course> {
    Json(COURSE)
}
